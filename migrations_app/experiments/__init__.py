"""The paper's evaluation as data: designs, the paper's figures, statistics, and the report."""
