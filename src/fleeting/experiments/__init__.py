"""An experiment: a recipe as one frozen value, the folds it is cut into, the folder that its run leaves."""
