/* Reading and quoting JSON. */

#include "check.h"

#include <string.h>

static oxmcp_json *parse(const char *text)
{
    oxmcp_json *json = NULL;
    oxmcp_error *error = NULL;
    CHECK_OK(oxmcp_json_parse(text, &json, &error));
    return json;
}

static void values_are_read_by_pointer(void)
{
    const char *text = "{\"a/b\":[null,true,-7,2.5,\"text\",{}],\"~\":\"tilde\",\"\":1e3}";
    oxmcp_json *json = parse(text);
    bool truth = false;
    int64_t integer = 0;
    double number = 0;
    oxmcp_str string;

    CHECK_TEXT(oxmcp_json_text(json), text);
    CHECK(oxmcp_json_bool(json, "/a~1b/1", &truth) && truth);
    CHECK(oxmcp_json_integer(json, "/a~1b/2", &integer) && integer == -7);
    CHECK(oxmcp_json_number(json, "/a~1b/2", &number) && number == -7);
    CHECK(oxmcp_json_number(json, "/a~1b/3", &number) && number == 2.5);
    CHECK(oxmcp_json_string(json, "/a~1b/4", &string));
    CHECK_TEXT(string, "text");
    CHECK(oxmcp_json_string(json, "/~0", &string));
    CHECK_TEXT(string, "tilde");
    CHECK(oxmcp_json_number(json, "/", &number) && number == 1000);
    CHECK(oxmcp_json_value(json, "/a~1b", &string));
    CHECK_TEXT(string, "[null,true,-7,2.5,\"text\",{}]");
    CHECK(oxmcp_json_value(json, "/", &string));
    CHECK_TEXT(string, "1e3");
    CHECK(!oxmcp_json_value(json, "/missing", &string));
    CHECK(oxmcp_json_count(json, "/a~1b") == 6);
    CHECK(oxmcp_json_count(json, "") == 3);
    CHECK(oxmcp_json_count(json, "/a~1b/4") == 0);

    CHECK(oxmcp_json_type_at(json, "") == OXMCP_JSON_OBJECT);
    CHECK(oxmcp_json_type_at(json, "/a~1b") == OXMCP_JSON_ARRAY);
    CHECK(oxmcp_json_type_at(json, "/a~1b/0") == OXMCP_JSON_NULL);
    CHECK(oxmcp_json_type_at(json, "/a~1b/1") == OXMCP_JSON_BOOL);
    CHECK(oxmcp_json_type_at(json, "/a~1b/2") == OXMCP_JSON_NUMBER);
    CHECK(oxmcp_json_type_at(json, "/a~1b/4") == OXMCP_JSON_STRING);
    CHECK(oxmcp_json_type_at(json, "/a~1b/6") == OXMCP_JSON_NOTHING);
    oxmcp_json_free(json);
}

static void a_value_of_another_type_is_not_written(void)
{
    oxmcp_json *json = parse("{\"string\":\"7\",\"fraction\":7.5,\"large\":18446744073709551615}");
    bool truth = true;
    int64_t integer = 3;
    double number = 3;
    oxmcp_str string = {"kept", 4};

    CHECK(!oxmcp_json_integer(json, "/string", &integer) && integer == 3);
    CHECK(!oxmcp_json_integer(json, "/fraction", &integer) && integer == 3);
    CHECK(!oxmcp_json_integer(json, "/large", &integer) && integer == 3);
    CHECK(!oxmcp_json_number(json, "/string", &number) && number == 3);
    CHECK(!oxmcp_json_bool(json, "/string", &truth) && truth);
    CHECK(!oxmcp_json_string(json, "/fraction", &string));
    CHECK(!oxmcp_json_string(json, "/missing", &string));
    CHECK(!oxmcp_json_string(json, "no pointer", &string));
    CHECK_TEXT(string, "kept");
    oxmcp_json_free(json);
}

static void strings_keep_their_nul_and_their_place(void)
{
    oxmcp_json *json = parse("[\"a\\u0000b\",\"\\u00e9\\ud83d\\ude00\"]");
    oxmcp_str first, again, second;
    CHECK(oxmcp_json_string(json, "/0", &first));
    CHECK(first.len == 3 && memcmp(first.data, "a\0b", 4) == 0);
    CHECK(oxmcp_json_string(json, "/1", &second));
    CHECK_TEXT(second, "\xc3\xa9\xf0\x9f\x98\x80");
    CHECK(oxmcp_json_string(json, "/0", &again) && again.data == first.data);
    oxmcp_json_free(json);
}

static void what_is_not_json_is_refused(void)
{
    static const char *const texts[] = {"", "{", "nope", "{} {}", "{\"a\":1,}", "\"\xff\""};
    oxmcp_error *error = NULL;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        oxmcp_json *json = NULL;
        CHECK_RESULT(oxmcp_json_parse(texts[i], &json, &error), OXMCP_MISUSE);
        CHECK(!json);
    }
}

static void text_is_quoted_like_snprintf_prints(void)
{
    char buffer[32];
    CHECK(oxmcp_json_quote("say \"hi\"\n", buffer, sizeof buffer) == 14);
    CHECK(strcmp(buffer, "\"say \\\"hi\\\"\\n\"") == 0);
    CHECK(oxmcp_json_quote("abc", buffer, 4) == 5);
    CHECK(strcmp(buffer, "\"ab") == 0);
    CHECK(oxmcp_json_quote("abc", NULL, 0) == 5);
    CHECK(oxmcp_json_quote(NULL, buffer, sizeof buffer) == 4);
    CHECK(strcmp(buffer, "null") == 0);
    CHECK(oxmcp_json_quote("\xff", buffer, sizeof buffer) == 5);
    CHECK(strcmp(buffer, "\"\xef\xbf\xbd\"") == 0);
}

static void text_and_failure_of_a_result_are_read(void)
{
    oxmcp_json *json = parse("{\"content\":[{\"type\":\"text\",\"text\":\"one\"},{\"type\":\"image\",\"data\":\"\"},"
                             "{\"type\":\"text\",\"text\":\"two\"}],\"isError\":true}");
    CHECK_TEXT(oxmcp_tool_result_text(json), "one\ntwo");
    CHECK(oxmcp_tool_result_is_error(json));
    oxmcp_json_free(json);

    json = parse("{\"content\":[]}");
    CHECK(!oxmcp_tool_result_text(json).data);
    CHECK(!oxmcp_tool_result_is_error(json));
    oxmcp_json_free(json);
}

const struct check_test json_tests[] = {
    {"values are read by pointer", values_are_read_by_pointer},
    {"a value of another type is not written", a_value_of_another_type_is_not_written},
    {"strings keep their NUL and their place", strings_keep_their_nul_and_their_place},
    {"what is not JSON is refused", what_is_not_json_is_refused},
    {"text is quoted like snprintf prints", text_is_quoted_like_snprintf_prints},
    {"text and failure of a result are read", text_and_failure_of_a_result_are_read},
    {NULL, NULL},
};
