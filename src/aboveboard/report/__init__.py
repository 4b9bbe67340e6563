"""From a dossier to terminal, HTML, JSON, SARIF and CSV."""
