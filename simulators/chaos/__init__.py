"""The chaos kit: anyone can prove or break an adapter, in virtual time and judged by the target's own effect log.

A `Subject` is an adapter with its simulator and sample requests. An episode lets clients ask for the samples while a
plan's faults strike; its `History` and the effect log go to the checker, which knows nothing else.
"""
