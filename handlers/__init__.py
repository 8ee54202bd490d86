"""Lambda entry points, one file per trigger: decode the event, call one service, encode the answer."""

from handlers.compiled import use

use()  # before anything else is imported
