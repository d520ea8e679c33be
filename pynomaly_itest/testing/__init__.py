"""For scenarios written in Python: the decorator, and what a scenario may ask for by parameter name."""

from pynomaly_itest.measure.detection import quality
from pynomaly_itest.testing.assertions import IntegrationTestAssertions
from pynomaly_itest.testing.fixtures import (
    FIXTURES,
    Container,
    Expect,
    Measurements,
    TestCache,
    TestSecurityService,
    TestSettings,
)
from pynomaly_itest.testing.helper import IntegrationTestHelper
from pynomaly_itest.testing.marking import scenario

__all__ = [
    "FIXTURES",
    "Container",
    "Expect",
    "IntegrationTestAssertions",
    "IntegrationTestHelper",
    "Measurements",
    "TestCache",
    "TestSecurityService",
    "TestSettings",
    "quality",
    "scenario",
]
