"""Videos in, a folder of results for each out: tables, events, a page, an annotated video."""
