"""Leaves out the tests of languages that were not chosen."""

from languages import ALL, chosen


def pytest_collection_modifyitems(config, items):
    left_out = set(ALL) - set(chosen(ALL))
    away = [item for item in items if left_out.intersection(map(str, values_of(item)))]
    config.hook.pytest_deselected(items=away)
    items[:] = [item for item in items if item not in away]


def values_of(item):
    return item.callspec.params.values() if hasattr(item, "callspec") else ()
