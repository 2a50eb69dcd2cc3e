"""Seeing a computation: pictures of its graph.

``picture`` says in boxes and arrows what a graph holds, ``draw`` writes them as Graphviz's
DOT text, ``engine`` renders that, and ``notation`` writes the table's formulas the way
mathematics does.
"""
