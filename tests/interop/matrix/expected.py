"""What a client sees of each feature, whoever it is and whoever serves."""

EXPECTED = {
    "tools": {
        "names": [
            "add", "ask_model", "ask_user", "count", "fail", "log", "show_roots", "touch", "wait", "waits",
        ],
        "sum": "5",
        "failed": True,
    },
    "resources": {
        "uris": ["test://blob", "test://note"],
        "templates": ["test://item/{id}"],
        "note": ["a note"],
        "blob": ["AQID"],
        "item": ["item 7"],
    },
    "prompts": {"names": ["greet"], "messages": ["Hello, Ada!"]},
    "completion": {"names": ["Ada", "Alan"], "ids": ["1", "10"]},
    "sampling": "the model said: Echo: Say something.",
    "elicitation": ["accept Ada", "decline"],
    "roots": "file:///work/a file:///work/b",
    "logging": [["debug", "tale", "once"], ["error", "tale", "the end"]],
    "progress": {"text": "counted", "reports": [[1, 3, "step 1"], [2, 3, "step 2"], [3, 3, "step 3"]]},
    "cancellation": "1 begun, 1 cancelled",
    "subscriptions": "test://note",
}
