"""How the adapters read sheets and folders, check them, and write miniatures of themselves."""
