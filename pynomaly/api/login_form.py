"""The body of a login: OAuth 2's form, or the same as JSON."""

from __future__ import annotations

from urllib.parse import parse_qsl

import msgspec

from pynomaly.api.account_schemas import LoginForm
from pynomaly.api.bodies import content_type, read_body
from pynomaly.api.endpoint import Call
from pynomaly.api.problems import MalformedBody
from pynomaly.domain.errors import InvalidInput, UnsupportedMedia

_MAX_FORM_BYTES = 16_384


async def read_login_form(call: Call) -> LoginForm:
    """Name, password and what else came, as a form or as JSON; raises what is wrong with it."""
    content = await read_body(call.scope, call.receive, _MAX_FORM_BYTES)
    try:
        match content_type(call.scope):
            case "application/x-www-form-urlencoded":
                pairs = parse_qsl(content.decode(), keep_blank_values=True, max_num_fields=20)
                if len(dict(pairs)) < len(pairs):
                    raise InvalidInput("A field occurs twice in the form.")
                given = {key: value for key, value in pairs if value or key == "password"}
                return msgspec.convert(given, LoginForm)
            case "application/json":
                return msgspec.json.decode(content, type=LoginForm)
            case _:
                raise UnsupportedMedia("Send application/x-www-form-urlencoded.")
    except msgspec.ValidationError as error:
        raise InvalidInput(f"{error}.") from None
    except (ValueError, RecursionError):
        raise MalformedBody("The form can't be read.") from None
