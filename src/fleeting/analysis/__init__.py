"""An analysis is the folder of results of one video: tables, events, a page, an annotated video."""
