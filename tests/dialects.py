"""Every kind of dialect, for tests of what holds in each."""

import pytest

from lora_manager.domain.prompt import DIALECTS, TemplateDialect

ALL_DIALECTS = [
    *DIALECTS.values(),
    TemplateDialect("<lora:{name}:{weight}>"),
    TemplateDialect("({name}:{weight})"),
    TemplateDialect("--lora {name}={weight}"),
    TemplateDialect("{te_weight} of {name}"),
]
EVERY_DIALECT = pytest.mark.parametrize(
    "dialect", ALL_DIALECTS, ids=lambda dialect: getattr(dialect, "template", dialect.name)
)
