"""A page that steps through a computation, and is played with.

==============  ===================================================================
``frames``      what is said at each step, and what becomes known
``program``     the graph as a program over numbers, which the page runs in JavaScript
``order``       what a naive sweep gets wrong
``drawn``       the pictures: whole, or folded and with each box opened
``quiz``        which gradients are asked for
``mine``        the hand-derived gradients of a report
``walkthrough``  the page, from all of these
``widget``      sliders in a notebook, for which Python computes
==============  ===================================================================

The page itself is ``page.html`` and ``page.css``, and, each needing those before it, ``numbers.js``
(numbers as they are written, and the program that computes them), ``picture.js``, ``tools.js``,
``quiz.js`` and ``page.js``.  ``widget.js`` is the widget's.
"""
