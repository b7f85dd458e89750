"""An inventory lists what is registered under which name, and what a model costs to run."""
