"""The main job, shown: the same agents, faults and kills for Seawall and for the usual way, judged by what happened."""
