"""Tests of the transports: one contract for all that reach files, one module for each."""

import pytest

# The contract is no test module by its name; without this its asserts would not explain themselves.
pytest.register_assert_rewrite("tests.transports.contract")
