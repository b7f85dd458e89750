"""Drawing: data with known truth, free of licences and of anybody's face. It knows no dataset."""
