"""Routes are what the API answers: jobs, reviews, runs and models, the live socket, the server itself."""
