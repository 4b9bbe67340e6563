"""The judge: manifest, evidence, clauses and declaration in, verdict out. Pure."""
