"""A few of the security questions that a user can choose from, by their keys."""

QUESTIONS = {
    "disliked_food": "What is the food you least liked as a child?",
    "first_computer_game": "What was the first computer game you played?",
    "name_of_first_plush_toy": "What is the name of your first stuffed animal?",
}
