/* Facts about text, as an MCP server. Usage: server [--port N] */

#define _POSIX_C_SOURCE 200809L

#include <dirent.h>
#include <errno.h>
#include <oxmcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define COUNT(name) "\"" name "\":{\"type\":\"integer\",\"minimum\":0}"

static const char COUNT_WORDS[] =
    "{\"name\":\"count_words\",\"description\":\"Counts the lines, words and characters of a text.\","
    "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"}},\"required\":[\"text\"]},"
    "\"outputSchema\":{\"type\":\"object\",\"properties\":{" COUNT("lines") "," COUNT("words") "," COUNT(
        "characters") "},\"required\":[\"lines\",\"words\",\"characters\"]}}";

static const char FIND_TEXT[] =
    "{\"name\":\"find_text\",\"description\":\"Tells which lines of the files in a folder hold a text.\","
    "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"folder\":{\"type\":\"string\"},"
    "\"text\":{\"type\":\"string\"}},\"required\":[\"folder\",\"text\"]}}";

/* Text that grows. */
struct text {
    char *data;
    size_t len;
};

static void count_words(void *userdata, oxmcp_call *call);
static void find_text(void *userdata, oxmcp_call *call);
static void find_in_file(const char *folder, const char *name, const char *wanted, struct text *hits);
static int is_file(const char *folder, const char *name);
static void append(struct text *text, const char *format, ...);

int main(int argc, char **argv)
{
    int port = argc == 3 && strcmp(argv[1], "--port") == 0 ? atoi(argv[2]) : -1;
    if (argc != 1 && port < 0) {
        fprintf(stderr, "usage: server [--port N]\n");
        return 1;
    }
    oxmcp_server_options options = {.size = sizeof options, .name = "text-facts", .version = "0.1.0"};
    oxmcp_http_options http = {.size = sizeof http, .port = (uint16_t)port};
    oxmcp_server *server = NULL;
    oxmcp_json *address = NULL;
    oxmcp_error *error = NULL;

    oxmcp_result result = oxmcp_server_new(&options, &server, &error);
    if (result == OXMCP_OK)
        result = oxmcp_server_add_tool(server, COUNT_WORDS, count_words, NULL, NULL, &error);
    if (result == OXMCP_OK)
        result = oxmcp_server_add_tool(server, FIND_TEXT, find_text, NULL, NULL, &error);
    if (result == OXMCP_OK) {
        result = port < 0 ? oxmcp_server_serve_stdio(server, &error)
                          : oxmcp_server_listen_http(server, &http, &address, &error);
    }
    oxmcp_str url;
    if (oxmcp_json_string(address, "/url", &url))
        fprintf(stderr, "listening at %s\n", url.data);
    if (result == OXMCP_OK)
        result = oxmcp_server_run(server, &error);
    if (result != OXMCP_OK)
        fprintf(stderr, "%s\n", oxmcp_error_message(error));

    oxmcp_error_free(error);
    oxmcp_json_free(address);
    oxmcp_server_free(server);
    return result == OXMCP_OK ? 0 : 1;
}

static void count_words(void *userdata, oxmcp_call *call)
{
    (void)userdata;
    oxmcp_str text = {"", 0};
    oxmcp_json_string(oxmcp_call_arguments(call), "/text", &text);
    size_t lines = 0, words = 0, characters = 0;
    int in_word = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        int is_space = byte == ' ' || (byte >= '\t' && byte <= '\r');
        words += !is_space && !in_word;
        in_word = !is_space;
        lines += byte == '\n';
        characters += (byte & 0xC0) != 0x80; /* A code point is one byte and its continuation bytes. */
    }
    lines += text.len > 0 && text.data[text.len - 1] != '\n';

    char counts[128], quoted[256], result[512];
    snprintf(counts, sizeof counts, "{\"lines\":%zu,\"words\":%zu,\"characters\":%zu}", lines, words, characters);
    oxmcp_json_quote(counts, quoted, sizeof quoted);
    snprintf(result, sizeof result, "{\"content\":[{\"type\":\"text\",\"text\":%s}],\"structuredContent\":%s}", quoted,
             counts);
    oxmcp_call_respond_result(call, result);
}

static void find_text(void *userdata, oxmcp_call *call)
{
    (void)userdata;
    oxmcp_str folder = {"", 0}, wanted = {"", 0};
    oxmcp_json_string(oxmcp_call_arguments(call), "/folder", &folder);
    oxmcp_json_string(oxmcp_call_arguments(call), "/text", &wanted);

    struct dirent **entries;
    int count = scandir(folder.data, &entries, NULL, alphasort);
    if (count < 0) {
        struct text message = {NULL, 0};
        append(&message, "cannot read the folder %s: %s", folder.data, strerror(errno));
        oxmcp_call_respond_tool_error(call, message.data ? message.data : "out of memory");
        free(message.data);
        return;
    }
    int files = 0;
    for (int i = 0; i < count; i++) {
        if (is_file(folder.data, entries[i]->d_name)) {
            entries[files++] = entries[i];
        } else {
            free(entries[i]);
        }
    }
    struct text hits = {NULL, 0};
    for (int i = 0; i < files; i++) {
        if (!oxmcp_call_is_cancelled(call)) {
            find_in_file(folder.data, entries[i]->d_name, wanted.data, &hits);
            oxmcp_call_progress(call, i + 1, files, entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
    oxmcp_call_respond_text(call, hits.data ? hits.data : "");
    free(hits.data);
}

static void find_in_file(const char *folder, const char *name, const char *wanted, struct text *hits)
{
    struct text path = {NULL, 0};
    append(&path, "%s/%s", folder, name);
    FILE *file = path.data ? fopen(path.data, "r") : NULL;
    free(path.data);
    if (!file)
        return;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    for (int number = 1; (len = getline(&line, &capacity, file)) >= 0; number++) {
        if (len > 0 && line[len - 1] == '\n')
            line[len - 1] = '\0';
        if (strstr(line, wanted))
            append(hits, "%s%s:%d: %s", hits->len > 0 ? "\n" : "", name, number, line);
    }
    free(line);
    fclose(file);
}

static int is_file(const char *folder, const char *name)
{
    struct text path = {NULL, 0};
    struct stat status;
    append(&path, "%s/%s", folder, name);
    int found = path.data && lstat(path.data, &status) == 0 && S_ISREG(status.st_mode);
    free(path.data);
    return found;
}

/* Appends what printf would print; leaves the text as it is when there is no memory for it. */
static void append(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *data = len < 0 ? NULL : realloc(text->data, text->len + (size_t)len + 1);
    if (!data)
        return;
    text->data = data;
    va_start(arguments, format);
    vsnprintf(data + text->len, (size_t)len + 1, format, arguments);
    va_end(arguments);
    text->len += (size_t)len;
}
