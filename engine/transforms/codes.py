"""The codes of everything that can be wrong with a value or a record: stable names for reports and tests.

One place for all of them; a test holds that no module raises a code that is not listed here.
"""

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    # values
    "string.unreadable": "a list or an object stands where text is expected",
    "integer.unreadable": "not a whole number",
    "decimal.unreadable": "not a decimal number",
    "money.unreadable": "not an amount of money",
    "boolean.unreadable": "neither yes nor no",
    "date.unreadable": "not a date in any of the declared formats",
    "date.range": "a year before 1900 or after 2199: a placeholder or a slip, not a date",
    "dateTime.unreadable": "not a date and time in any of the declared formats",
    "dateTime.range": "a year before 1900 or after 2199: a placeholder or a slip, not a date",
    "dateTime.gap": "a local time that the clocks skipped when summer time began",
    "phone.unreadable": "not a telephone number",
    "phone.short": "a number without its area code, or of a length no number has",
    "email.unreadable": "not an e-mail address",
    "vin.length": "a VIN has 17 characters",
    "vin.characters": "a VIN has digits and letters, without I, O and Q",
    "vin.checkDigit": "the VIN's check digit does not fit: a typing error, or not of North America",
    "url.unreadable": "not an http or https address",
    "version.unreadable": "not a version such as 3.6.0.44",
    "version.tooOld": "the other side has an older version than the definition requires",
    "version.missing": "nothing says which version the other side has, and the definition requires one",
    "list.unreadable": "not a list",
    "object.unreadable": "not an object",
    "value.large": "a value of more parts, or a whole number in it of more digits, than is allowed",
    "transform.unsuitable": "a transform was given something it does not take",
    "path.type": "a function of the path was given something it does not take",
    "reference.unreadable": "a reference is moved or printed as a date, but holds no date",
    # fields
    "field.required": "a required field is blank",
    "map.unknown": "a value that the field's `map` does not name",
    "pattern.mismatch": "a value that does not match the field's `pattern`",
    "sum.unreadable": "an element of the list to be summed is no number",
    # records
    "record.unreadable": "a record that is no object",
    "join.missing": "a required joined record is not in the document",
    "key.missing": "no alternative of an activity's key has all its parts",
    "state.unknown": "nothing says what state the activity is in",
    "after.blank": "the activity waits for another, but does not say for which",
    "each.unreadable": "the elements of the list that makes activities are no objects",
    "record.unasked": "a record outside what was asked for: the sender ignored the filter",
}

# An element of `each` that is quarantined alone carries the code of its fault behind this.
ELEMENT = "element."
