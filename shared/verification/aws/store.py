"""The table's rows, together."""

from __future__ import annotations

from verification.aws.answers import AnswerRows
from verification.aws.callers import CallerRows
from verification.aws.customers import CustomerRows
from verification.aws.emails import EmailRows
from verification.aws.registrations import RegistrationRows
from verification.aws.sign_ins import SignInRows
from verification.aws.table import Table
from verification.aws.templates import TemplateRows


class Store:
    """One attribute for each kind of row, and the table for reading several at once."""

    def __init__(self, table: Table, hold_seconds: int) -> None:
        self.table = table
        self.answers = AnswerRows(table)
        self.callers = CallerRows(table)
        self.customers = CustomerRows(table, hold_seconds)
        self.emails = EmailRows(table)
        self.registrations = RegistrationRows(table)
        self.sign_ins = SignInRows(table)
        self.templates = TemplateRows(table)
