"""evolkit: multilingual instruction data from seeds.

Seeds in any language go in; harder and more varied instructions, answers and conversations of
several turns come out, in the same languages, checked and counted.

    import evolkit as ek

    run = ek.run("seeds.jsonl", ek.Recipe(evols=3), client="local", out="runs/first")
    run.export("sharegpt", "train.jsonl")

Names are loaded when they are first touched: importing evolkit alone costs a few milliseconds.
"""

from typing import TYPE_CHECKING, Any

from evolkit.lazy import lazy_names

if TYPE_CHECKING:
    from evolkit.clients import Client as Client
    from evolkit.clients import make_client as make_client
    from evolkit.errors import BudgetError as BudgetError
    from evolkit.errors import CallError as CallError
    from evolkit.errors import ConfigError as ConfigError
    from evolkit.errors import DataError as DataError
    from evolkit.errors import EvolkitError as EvolkitError
    from evolkit.errors import MissingExtra as MissingExtra
    from evolkit.errors import OutageError as OutageError
    from evolkit.errors import RunError as RunError
    from evolkit.errors import RunLocked as RunLocked
    from evolkit.errors import StorageError as StorageError
    from evolkit.errors import UnknownName as UnknownName
    from evolkit.estimate import Estimate as Estimate
    from evolkit.estimate import estimate as estimate
    from evolkit.languages import Language as Language
    from evolkit.languages import add_language as add_language
    from evolkit.languages import get_language as get_language
    from evolkit.languages import languages as languages
    from evolkit.languages import read_languages as read_languages
    from evolkit.languages import second_languages as second_languages
    from evolkit.parse import parse_answer as parse_answer
    from evolkit.parse import parse_reply as parse_reply
    from evolkit.plan import Plan as Plan
    from evolkit.plan import plan as plan
    from evolkit.recipe import Recipe as Recipe
    from evolkit.records import Completion as Completion
    from evolkit.records import Failure as Failure
    from evolkit.records import Message as Message
    from evolkit.records import Prompt as Prompt
    from evolkit.records import Record as Record
    from evolkit.records import Reject as Reject
    from evolkit.records import Seed as Seed
    from evolkit.records import Verdict as Verdict
    from evolkit.render import render as render
    from evolkit.report.stats import Stats as Stats
    from evolkit.run import Run as Run
    from evolkit.run import arun as arun
    from evolkit.run import astream as astream
    from evolkit.run import open_run as open_run
    from evolkit.run import run as run
    from evolkit.seeds import Seeds as Seeds
    from evolkit.seeds import read_seeds as read_seeds
    from evolkit.taxonomy import Evol as Evol
    from evolkit.taxonomy import FollowUp as FollowUp
    from evolkit.taxonomy import Task as Task
    from evolkit.taxonomy import Taxonomy as Taxonomy
    from evolkit.taxonomy import load_taxonomy as load_taxonomy
    from evolkit.tokens import count_tokens as count_tokens

_HOMES: dict[str, tuple[str, ...]] = {
    "evolkit.clients": ("Client", "make_client"),
    "evolkit.errors": (
        "BudgetError",
        "CallError",
        "ConfigError",
        "DataError",
        "EvolkitError",
        "MissingExtra",
        "OutageError",
        "RunError",
        "RunLocked",
        "StorageError",
        "UnknownName",
    ),
    "evolkit.estimate": ("Estimate", "estimate"),
    "evolkit.languages": (
        "Language",
        "add_language",
        "get_language",
        "languages",
        "read_languages",
        "second_languages",
    ),
    "evolkit.parse": ("parse_answer", "parse_reply"),
    "evolkit.plan": ("Plan", "plan"),
    "evolkit.recipe": ("Recipe",),
    "evolkit.records": (
        "Completion",
        "Failure",
        "Message",
        "Prompt",
        "Record",
        "Reject",
        "Seed",
        "Verdict",
    ),
    "evolkit.render": ("render",),
    "evolkit.report.stats": ("Stats",),
    "evolkit.run": ("Run", "arun", "astream", "open_run", "run"),
    "evolkit.seeds": ("Seeds", "read_seeds"),
    "evolkit.taxonomy": ("Evol", "FollowUp", "Task", "Taxonomy", "load_taxonomy"),
    "evolkit.tokens": ("count_tokens",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__version__ = "0.1.0"

if not TYPE_CHECKING:
    import sys
    from types import ModuleType

    class _Door(ModuleType):
        """Keeps a name of the door when Python binds the submodule of the same name to it.

        `evolkit.run` is the function, as if it had been imported here at the start; the module
        is reached by `from evolkit.run import ...`.
        """

        def __setattr__(self, name: str, value: Any) -> None:
            if not (name in _HOME_OF and isinstance(value, ModuleType)):
                super().__setattr__(name, value)

    sys.modules[__name__].__class__ = _Door
    __getattr__, __dir__ = lazy_names(__name__, _HOME_OF, ["__version__"])
