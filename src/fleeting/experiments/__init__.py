"""An experiment is a recipe as one frozen value, the folds it is cut into, and the folder its run leaves."""
