"""Seeing a computation: pictures of its graph, and the chain rule in words and numbers.

==============================  ================================================================
``names``, ``transliteration``  what nodes are called, by labels and variables; letters that a
                                terminal has
``recorded``, ``fold``          a graph in flat arrays; what in it is computed alike
``layers``, ``plan``            which layer a node belongs to; what each box stands for
``boxes``, ``edges``, ``heat``  a box's numbers, formula and colours; what an arrow says
``picture``, ``composed``       a picture as data, folded more and more
``draw``, ``fit``, ``rows``     the one that fits a page; wrapped like text
``dot``, ``drawing``            as Graphviz's DOT text (``theme``, ``engine``, ``letters``)
``network``, ``network_dot``    neurons in columns, as data and drawn
``animate``                     pictures that move
``notation``                    formulas as text and as LaTeX
``derivations``, ``terms``      the formulas of operations; with a graph's names in them
``arithmetic``                  products and sums of formulas
``chain_rule``, ``explain``     the way from a root to one node; its gradient taken apart
``explanation``                 that as text and LaTeX (``over_time``: sums over steps)
``numpy_lines``                 that as Python
``steps``                       the reverse sweep node by node
==============================  ================================================================
"""
