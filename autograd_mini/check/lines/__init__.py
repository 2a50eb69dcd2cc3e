"""The user's own lines: run one by one, told right from wrong, and mended."""
