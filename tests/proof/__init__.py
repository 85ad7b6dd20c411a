"""Two games that play random sequences of calls against the service and check its promises."""
