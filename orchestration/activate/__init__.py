"""Activation: files of the people in an audience who may be contacted, for the tools that write to them or call them.

What belongs here: which audiences there are, and their files. What does not: who may be contacted (`mart_contactability`) and who gets
what next (`mart_nurture_queue`, `mart_routing_queue`): those are models. Only published files are read.
"""
