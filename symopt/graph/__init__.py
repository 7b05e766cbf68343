"""The graph: nodes, how they are made, walked, verified and interpreted."""
