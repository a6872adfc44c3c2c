"""What an operator wants to know before people do: is everything there that a run needs?"""
