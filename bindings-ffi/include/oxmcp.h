/*
 * oxmcp: the Model Context Protocol (MCP) for C. Link with -loxmcp_ffi.
 *
 * This file is generated from the library's sources.
 *
 * What holds for every function:
 *
 * - Strings given to the library are NUL-terminated UTF-8, and JSON is given as text. The library reads them during
 *   the call and keeps copies of what it needs. What it hands out lives as long as said there.
 * - Handles are opaque. Who makes one, or is given one to own, frees it with its oxmcp_..._free, which takes NULL.
 *   No other thread may be using a handle that is being freed.
 * - Functions that can fail return an oxmcp_result. They write their outputs on success only. On failure they write
 *   `*error`, to be freed with oxmcp_error_free, unless `error` is NULL; on success they leave it alone.
 * - NULL where a value is needed is OXMCP_MISUSE, or the empty answer of functions that cannot fail; never a crash.
 * - Option structs begin with their size: write `.size = sizeof options`, so that a program built for an older
 *   version of the library works with a newer one.
 * - Callbacks get their userdata first. They run on the thread that is said there and may not leave by longjmp or a C++
 *   exception.
 * - Every call settles: with a result, an error, or OXMCP_TIMEOUT.
 * - Handles do not survive fork(): in the child they give OXMCP_MISUSE or the empty answer. It may make its own.
 *   exec() is fine.
 */

#ifndef OXMCP_H
#define OXMCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What a function that can fail returns. The numbers are part of the ABI: they never change, and new ones are
// added at the end, so treat a number you do not know like OXMCP_INTERNAL.
enum oxmcp_result
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // It worked.
    OXMCP_OK = 0,
    // The caller erred: NULL where a value is needed, malformed JSON or options, a handle that was closed, use after
    // fork().
    OXMCP_MISUSE = 1,
    // No connection came to be: the command could not be started, the address could not be reached, TLS failed.
    OXMCP_CONNECT = 2,
    // The connection ended before the answer: the peer exited, closed or broke it, or this side closed it.
    OXMCP_CLOSED = 3,
    // No answer within the time allowed.
    OXMCP_TIMEOUT = 4,
    // This side cancelled the operation.
    OXMCP_CANCELLED = 5,
    // The peer answered with a JSON-RPC error: see oxmcp_error_code, oxmcp_error_message and oxmcp_error_data.
    OXMCP_RPC = 6,
    // The peer broke MCP, JSON-RPC or HTTP: what it sent cannot be understood.
    OXMCP_PROTOCOL = 7,
    // A message is larger than the limit.
    OXMCP_TOO_LARGE = 8,
    // The two sides have no protocol revision in common.
    OXMCP_UNSUPPORTED_VERSION = 9,
    // The peer did not declare the capability that the operation needs.
    OXMCP_UNSUPPORTED = 10,
    // The server wants authorization that was not given (HTTP 401 or 403).
    OXMCP_UNAUTHORIZED = 11,
    // A limit of this side is reached, or the server cannot serve now (HTTP 429 and 5xx); try again later.
    OXMCP_OVERLOADED = 12,
    // A fault of this library.
    OXMCP_INTERNAL = 13,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum oxmcp_result oxmcp_result;
#else
typedef uint32_t oxmcp_result;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What stands at a place in a JSON text.
enum oxmcp_json_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // There is no such place.
    OXMCP_JSON_NOTHING = 0,
    // null
    OXMCP_JSON_NULL = 1,
    // true or false
    OXMCP_JSON_BOOL = 2,
    // A number.
    OXMCP_JSON_NUMBER = 3,
    // A string.
    OXMCP_JSON_STRING = 4,
    // An array.
    OXMCP_JSON_ARRAY = 5,
    // An object.
    OXMCP_JSON_OBJECT = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum oxmcp_json_type oxmcp_json_type;
#else
typedef uint32_t oxmcp_json_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What an oxmcp_event says.
enum oxmcp_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // The operation ended well; `json` is its result. No more events of it come.
    OXMCP_EVENT_COMPLETED = 1,
    // The operation failed; `error` says why. No more events of it come.
    OXMCP_EVENT_FAILED = 2,
    // The operation made progress; `json` is {"progress": number, "total"?: number, "message"?: string}.
    OXMCP_EVENT_PROGRESS = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum oxmcp_event_kind oxmcp_event_kind;
#else
typedef uint32_t oxmcp_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// One call of a tool. It may be used from any thread.
//
// A handler has it until it returns. To answer later, keep it with oxmcp_call_keep and free it with oxmcp_call_free.
typedef struct oxmcp_call oxmcp_call;

// Cancels blocking operations from another thread. Give one to any number of operations, in their options; once it is
// cancelled, those under way fail with OXMCP_CANCELLED and so does every later one. It may be used from any thread.
typedef struct oxmcp_cancel_token oxmcp_cancel_token;

// A client of one MCP server. It may be used from any thread and by many at once. Free it with oxmcp_client_free.
typedef struct oxmcp_client oxmcp_client;

// What went wrong. Whoever receives one frees it with oxmcp_error_free. It may be read from any thread.
typedef struct oxmcp_error oxmcp_error;

// A JSON text, with a small reader, so that a program needs no JSON library for a few values. It never changes and
// may be read from any thread. The caller frees those it is given to own with oxmcp_json_free; every text and value
// read from one lives as long as it does.
//
// Places in it are JSON pointers (RFC 6901): "" is the whole, "/tools/0/name" the name of the first tool, "/a~1b"
// the member named "a/b".
typedef struct oxmcp_json oxmcp_json;

// Where the operations of the oxmcp_client_start_... functions leave their events, for a program with an event loop
// of its own. One queue serves any number of clients. It may be used from any thread.
typedef struct oxmcp_queue oxmcp_queue;

// An MCP server. It may be used from any thread. Free it with oxmcp_server_free.
//
// Handlers run on the threads that the program lends, with oxmcp_server_run or oxmcp_server_poll, and on no other:
// with one thread no two handlers run at once, and a program that is not thread-safe need not be; with more threads,
// that many run at once. Everything else (listing, checking arguments, timeouts, cancellation, pings) goes on
// meanwhile on the library's own threads.
typedef struct oxmcp_server oxmcp_server;

// Text that somebody else owns: UTF-8, `len` bytes, followed by a NUL that `len` does not count. So `data` is a C
// string too, cut short only where the text itself holds a NUL. How long it lives is said where it is handed out.
// No text at all is a NULL `data` with `len` 0.
typedef struct oxmcp_str {
    // The first byte, or NULL.
    const char *data;
    // The number of bytes.
    size_t len;
} oxmcp_str;

// One thing that happened to an operation. Free what it holds with oxmcp_event_clear, or take `json` or `error` and
// put NULL in its place.
typedef struct oxmcp_event {
    // What happened.
    oxmcp_event_kind kind;
    // The id the operation was started under.
    uint64_t id;
    // The result or the progress; NULL for OXMCP_EVENT_FAILED.
    struct oxmcp_json *json;
    // What went wrong; NULL unless OXMCP_EVENT_FAILED.
    struct oxmcp_error *error;
} oxmcp_event;

// Tells the program's own event loop that there is something to poll. It is called from any thread: one of the
// library's own, or one that is in an oxmcp function, where what it started settled at once. It may do no more than
// signal: write to a pipe, post a message, set a flag. It may not call into oxmcp, nor wait for a lock that is held
// around calls into oxmcp.
typedef void (*oxmcp_wake_fn)(void *userdata);

// Which server to connect to, and how. Write what you need and leave the rest zero:
// `oxmcp_client_options options = { .size = sizeof options, .url = "http://127.0.0.1:8000/mcp" };`
//
// Strings are UTF-8 and read during the call only.
typedef struct oxmcp_client_options {
    // sizeof(oxmcp_client_options)
    size_t size;
    // A program to start and talk to over its stdin and stdout. Give this, or `url`, or neither for a server in this
    // process.
    const char *command;
    // Its arguments, without its name; the last pointer is NULL.
    const char *const *args;
    // "NAME=value" strings added to this process's environment for it; the last pointer is NULL.
    const char *const *env;
    // The directory it starts in; NULL for this process's.
    const char *cwd;
    // What it writes to stderr is dropped, instead of going to this process's stderr.
    bool quiet;
    // The address of a Streamable HTTP server.
    const char *url;
    // "Name: value" strings sent with every HTTP request; the last pointer is NULL.
    const char *const *headers;
    // What this program calls itself to the server; both or neither.
    const char *client_name;
    // The version of this program.
    const char *client_version;
    // One protocol revision, "2025-11-25" for example, instead of negotiating.
    const char *protocol_version;
    // The longest silence before an operation times out, in milliseconds; 0 for 60000.
    uint64_t timeout_ms;
    // The longest an operation may take in all, in milliseconds; 0 for 3600000.
    uint64_t max_timeout_ms;
    // The longest connecting may take, in milliseconds; 0 for 30000.
    uint64_t connect_timeout_ms;
    // The largest message taken, in bytes; 0 for 16777216.
    uint64_t max_message_bytes;
    // Cancels connecting from another thread; NULL for nothing. For oxmcp_client_connect and
    // oxmcp_client_connect_in_memory only.
    const struct oxmcp_cancel_token *cancel;
} oxmcp_client_options;

// Told of an operation's progress, on the thread that called the blocking function and waits in it. `total` is NAN
// and `message` NULL where the server gave none; `message` lives until this returns. It must return normally: no
// longjmp, no C++ exception.
typedef void (*oxmcp_progress_fn)(void *userdata, double progress, double total, const char *message);

// How one operation is run. NULL instead of one means: all zero.
typedef struct oxmcp_call_options {
    // sizeof(oxmcp_call_options)
    size_t size;
    // The longest silence, in milliseconds: the operation fails with OXMCP_TIMEOUT when neither the answer nor
    // progress has come for this long. 0 for the client's.
    uint64_t timeout_ms;
    // The longest it may take in all, in milliseconds, progress or not. 0 for the client's.
    uint64_t max_timeout_ms;
    // Told of progress, in blocking calls; NULL when it is not wanted.
    oxmcp_progress_fn progress;
    // Given to `progress`.
    void *userdata;
    // Whether OXMCP_EVENT_PROGRESS events are wanted, in the oxmcp_client_start_... functions.
    bool progress_events;
    // Cancels a blocking call from another thread; NULL for nothing. A started operation is cancelled with
    // oxmcp_client_cancel.
    const struct oxmcp_cancel_token *cancel;
} oxmcp_call_options;

// What a server says of itself. Write what you need and leave the rest zero:
// `oxmcp_server_options options = { .size = sizeof options, .name = "adder", .version = "1.0.0" };`
//
// Strings are UTF-8 and read during the call only.
typedef struct oxmcp_server_options {
    // sizeof(oxmcp_server_options)
    size_t size;
    // The server's name, for programs. Needed.
    const char *name;
    // The server's version. Needed.
    const char *version;
    // The server's name, for people.
    const char *title;
    // What the server is for.
    const char *description;
    // Where people read more.
    const char *website_url;
    // A JSON array of the spec's Icon objects.
    const char *icons_json;
    // How a model should use the server.
    const char *instructions;
    // Tools per page of a list; 0 for 100.
    uint32_t page_size;
    // The largest message taken, in bytes; 0 for 16777216.
    uint64_t max_message_bytes;
    // Called when there is something to poll; NULL when oxmcp_server_run, oxmcp_server_fd or a timeout is enough.
    oxmcp_wake_fn wake;
    // Given to `wake`.
    void *userdata;
} oxmcp_server_options;

// Handles the calls of a tool, on a thread that is in oxmcp_server_run or oxmcp_server_poll. `call` lives until this
// returns, unless oxmcp_call_keep keeps it.
//
// It answers with one of the oxmcp_call_respond_... functions, now, or later from any thread when it kept the call.
// When it does neither, the caller is told that the tool failed. It must return normally: no longjmp, no C++
// exception.
typedef void (*oxmcp_tool_fn)(void *userdata, struct oxmcp_call *call);

// Frees the userdata of a tool.
typedef void (*oxmcp_free_fn)(void *userdata);

// Where a server listens. NULL instead of one means: all zero.
typedef struct oxmcp_http_options {
    // sizeof(oxmcp_http_options)
    size_t size;
    // The address to listen at; NULL for "127.0.0.1". Any but a loopback address needs `allowed_hosts`.
    const char *host;
    // The port; 0 for any that is free.
    uint16_t port;
    // The path; NULL for "/mcp".
    const char *path;
    // Values of the Host header that are accepted beside the loopback names; the last pointer is NULL.
    const char *const *allowed_hosts;
    // Values of the Origin header that are accepted beside the loopback names; the last pointer is NULL.
    const char *const *allowed_origins;
} oxmcp_http_options;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The name of a result, for messages and logs: "Timeout" for OXMCP_TIMEOUT, "Ok" for OXMCP_OK, "Unknown" for a
// number that this library does not know.
const char *oxmcp_result_name(uint32_t result);

// The version of this library, "0.1.0" for example. It lives forever.
const char *oxmcp_version(void);

// Takes a copy of a JSON text. Free `json` with oxmcp_json_free. OXMCP_MISUSE when the text is not JSON or is nested
// more than 127 deep.
oxmcp_result oxmcp_json_parse(const char *text,
                              struct oxmcp_json **json,
                              struct oxmcp_error **error);

// The whole text. It lives as long as `json`. For NULL, no text.
struct oxmcp_str oxmcp_json_text(const struct oxmcp_json *json);

// What stands at `pointer`. OXMCP_JSON_NOTHING when there is no such place, and for NULL.
oxmcp_json_type oxmcp_json_type_at(const struct oxmcp_json *json, const char *pointer);

// Writes the string at `pointer` to `value` and returns true; returns false when there is no string.
bool oxmcp_json_string(const struct oxmcp_json *json,
                       const char *pointer,
                       struct oxmcp_str *value);

// Writes the number at `pointer` to `value` and returns true; returns false when there is no number.
bool oxmcp_json_number(const struct oxmcp_json *json,
                       const char *pointer,
                       double *value);

// Writes the integer at `pointer` to `value` and returns true; returns false when there is no number, or one that
// has a fraction, an exponent or does not fit.
bool oxmcp_json_integer(const struct oxmcp_json *json,
                        const char *pointer,
                        int64_t *value);

// Writes the truth at `pointer` to `value` and returns true; returns false when there is neither true nor false.
bool oxmcp_json_bool(const struct oxmcp_json *json,
                     const char *pointer,
                     bool *value);

// Writes the JSON text of whatever stands at `pointer` to `value`, as it was written, and returns true; returns false
// when there is no such place.
bool oxmcp_json_value(const struct oxmcp_json *json,
                      const char *pointer,
                      struct oxmcp_str *value);

// The number of elements of the array, or of members of the object, at `pointer`; 0 when there is neither.
size_t oxmcp_json_count(const struct oxmcp_json *json,
                        const char *pointer);

// Frees a JSON text that the caller owns. NULL is fine.
void oxmcp_json_free(struct oxmcp_json *json);

// The text of a tool's result: its text blocks, a newline between two. Other blocks are left out; no text when
// there is none. It lives as long as `result`.
struct oxmcp_str oxmcp_tool_result_text(const struct oxmcp_json *result);

// Whether a tool's result says that the tool failed.
bool oxmcp_tool_result_is_error(const struct oxmcp_json *result);

// Writes `text` as a JSON string, quotes included, to `buffer`, like snprintf: never more than `size` bytes, always
// with a NUL behind them unless `size` is 0. Returns the number of bytes the whole takes without the NUL; when that
// is `size` or more, it was cut. What is not UTF-8 is replaced by U+FFFD; NULL gives null.
size_t oxmcp_json_quote(const char *text,
                        char *buffer,
                        size_t size);

// What went wrong: one of the OXMCP_... numbers, never OXMCP_OK. For NULL, OXMCP_OK.
oxmcp_result oxmcp_error_kind(const struct oxmcp_error *error);

// The message for people, in UTF-8: what happened, which side erred and what to do. It lives as long as the error.
// For NULL, the empty string.
const char *oxmcp_error_message(const struct oxmcp_error *error);

// Writes the peer's JSON-RPC error code to `code` and returns true; returns false when there is none, which is so
// for every kind but OXMCP_RPC.
bool oxmcp_error_code(const struct oxmcp_error *error,
                      int64_t *code);

// The peer's error data, or NULL when there is none. It lives as long as the error.
const struct oxmcp_json *oxmcp_error_data(const struct oxmcp_error *error);

// Frees an error. NULL is fine.
void oxmcp_error_free(struct oxmcp_error *error);

// Makes a token. Free it with oxmcp_cancel_token_free. NULL only when the library is at fault.
struct oxmcp_cancel_token *oxmcp_cancel_token_new(void);

// Cancels what the token was given to. Again, and for NULL, nothing happens.
void oxmcp_cancel_token_cancel(const struct oxmcp_cancel_token *token);

// Whether oxmcp_cancel_token_cancel was called.
bool oxmcp_cancel_token_is_cancelled(const struct oxmcp_cancel_token *token);

// Frees a token; operations it was given to go on. NULL is fine.
void oxmcp_cancel_token_free(struct oxmcp_cancel_token *token);

// Frees what an event holds and puts NULL in its place. The event itself is the caller's. NULL is fine.
void oxmcp_event_clear(struct oxmcp_event *event);

// Makes an empty queue. `wake` is called, with `userdata`, when the queue turns from empty to not empty; NULL when
// oxmcp_queue_fd or a timeout is enough. Free it with oxmcp_queue_free. NULL only when the library is at fault.
struct oxmcp_queue *oxmcp_queue_new(oxmcp_wake_fn wake,
                                    void *userdata);

// A file descriptor that turns readable when there is something to poll, for select, poll, epoll or kqueue. It is the
// library's: wait for it, but neither read from it nor close it. oxmcp_queue_poll makes it unreadable again when it
// takes everything. It may turn readable for nothing. -1 when there can be none: no descriptors left, or Windows.
int oxmcp_queue_fd(const struct oxmcp_queue *queue);

// Takes up to `capacity` events, oldest first, writes them to `events` and returns how many they are. When there is
// none it waits up to `timeout_ms` milliseconds; 0 does not wait, a negative number waits as long as it takes. Free
// what each event holds with oxmcp_event_clear.
size_t oxmcp_queue_poll(const struct oxmcp_queue *queue,
                        struct oxmcp_event *events,
                        size_t capacity,
                        int64_t timeout_ms);

// Frees a queue with the events in it; those of operations under way are dropped when they come. When this returns,
// the wake-up is not running and never will again. NULL is fine.
void oxmcp_queue_free(struct oxmcp_queue *queue);

// Connects to a server, waits until the protocol revision is negotiated, and gives the client. A child process or a
// connection that did not come to be leaves nothing behind.
//
// Fails with OXMCP_CONNECT, OXMCP_TIMEOUT, OXMCP_UNSUPPORTED_VERSION and what else can go wrong on the way;
// OXMCP_MISUSE for options that make no sense.
oxmcp_result oxmcp_client_connect(const struct oxmcp_client_options *options,
                                  struct oxmcp_client **client,
                                  struct oxmcp_error **error);

// Connects to a server of this process, without pipes or sockets. Some thread has to be in oxmcp_server_run or
// oxmcp_server_poll when a tool is called; it may not be the thread that calls and waits.
//
// `options` may be NULL; it has neither `command` nor `url`.
oxmcp_result oxmcp_client_connect_in_memory(const struct oxmcp_server *server,
                                            const struct oxmcp_client_options *options,
                                            struct oxmcp_client **client,
                                            struct oxmcp_error **error);

// Starts connecting and gives the client at once. The operation `id` completes in `queue` with what
// oxmcp_client_info says, or fails. Other operations may be started right away; they wait for it.
oxmcp_result oxmcp_client_start_connect(const struct oxmcp_client_options *options,
                                        const struct oxmcp_queue *queue,
                                        uint64_t id,
                                        struct oxmcp_client **client,
                                        struct oxmcp_error **error);

// What is known of the server: {"protocolVersion": string, "serverInfo": {...}, "capabilities": {...},
// "instructions"?: string}. It lives as long as the client. NULL for a client from oxmcp_client_start_connect, whose
// OXMCP_EVENT_COMPLETED carries the same.
const struct oxmcp_json *oxmcp_client_info(const struct oxmcp_client *client);

// Ends the connection and waits until everything is released: operations under way fail with OXMCP_CLOSED, a child
// process is asked to exit, then made to. Later operations fail with OXMCP_MISUSE or OXMCP_CLOSED. Closing again is fine.
oxmcp_result oxmcp_client_close(const struct oxmcp_client *client,
                                struct oxmcp_error **error);

// Like oxmcp_client_close, without waiting: the operation `id` completes in `queue` when everything is released.
oxmcp_result oxmcp_client_start_close(const struct oxmcp_client *client,
                                      const struct oxmcp_queue *queue,
                                      uint64_t id,
                                      struct oxmcp_error **error);

// The operation `id` completes in `queue` when the connection is over, whichever side ended it, and also when it never
// came to be.
oxmcp_result oxmcp_client_watch_closed(const struct oxmcp_client *client,
                                       const struct oxmcp_queue *queue,
                                       uint64_t id,
                                       struct oxmcp_error **error);

// Frees a client, and ends its connection without waiting when it is not closed yet. No other thread may be using
// it. NULL is fine.
void oxmcp_client_free(struct oxmcp_client *client);

// Lists every tool of the server: {"tools": [...]} in the server's order. Free `tools` with oxmcp_json_free.
oxmcp_result oxmcp_client_list_tools(const struct oxmcp_client *client,
                                     const struct oxmcp_call_options *options,
                                     struct oxmcp_json **tools,
                                     struct oxmcp_error **error);

// Lists one page of tools, the one at `cursor`, or the first for NULL: {"tools": [...], "nextCursor"?: string}. Free
// `page` with oxmcp_json_free.
oxmcp_result oxmcp_client_list_tools_page(const struct oxmcp_client *client,
                                          const char *cursor,
                                          const struct oxmcp_call_options *options,
                                          struct oxmcp_json **page,
                                          struct oxmcp_error **error);

// Calls a tool and waits for its result: {"content": [...], "structuredContent"?: ..., "isError"?: bool}. See
// oxmcp_tool_result_text and oxmcp_tool_result_is_error: a tool that failed is a result, not an error. Free `result`
// with oxmcp_json_free.
//
// `arguments_json` is a JSON object as text; NULL for none.
oxmcp_result oxmcp_client_call_tool(const struct oxmcp_client *client,
                                    const char *name,
                                    const char *arguments_json,
                                    const struct oxmcp_call_options *options,
                                    struct oxmcp_json **result,
                                    struct oxmcp_error **error);

// Asks the server whether it is there, and waits for the answer.
oxmcp_result oxmcp_client_ping(const struct oxmcp_client *client,
                               const struct oxmcp_call_options *options,
                               struct oxmcp_error **error);

// Starts oxmcp_client_list_tools. The operation settles in `queue` under `id` with exactly one
// OXMCP_EVENT_COMPLETED or OXMCP_EVENT_FAILED, after any OXMCP_EVENT_PROGRESS.
//
// `id` is the caller's: no two operations under way in a queue may share one. The address of what the program keeps
// about the operation is a good one. `options` may be NULL.
oxmcp_result oxmcp_client_start_list_tools(const struct oxmcp_client *client,
                                           const struct oxmcp_call_options *options,
                                           const struct oxmcp_queue *queue,
                                           uint64_t id,
                                           struct oxmcp_error **error);

// Starts oxmcp_client_list_tools_page. See oxmcp_client_start_list_tools.
oxmcp_result oxmcp_client_start_list_tools_page(const struct oxmcp_client *client,
                                                const char *cursor,
                                                const struct oxmcp_call_options *options,
                                                const struct oxmcp_queue *queue,
                                                uint64_t id,
                                                struct oxmcp_error **error);

// Starts oxmcp_client_call_tool. See oxmcp_client_start_list_tools.
oxmcp_result oxmcp_client_start_call_tool(const struct oxmcp_client *client,
                                          const char *name,
                                          const char *arguments_json,
                                          const struct oxmcp_call_options *options,
                                          const struct oxmcp_queue *queue,
                                          uint64_t id,
                                          struct oxmcp_error **error);

// Starts oxmcp_client_ping. See oxmcp_client_start_list_tools.
oxmcp_result oxmcp_client_start_ping(const struct oxmcp_client *client,
                                     const struct oxmcp_call_options *options,
                                     const struct oxmcp_queue *queue,
                                     uint64_t id,
                                     struct oxmcp_error **error);

// Abandons a started operation: it settles with OXMCP_CANCELLED at once and the server is told. False when it has
// settled already; its event may still be in the queue.
bool oxmcp_client_cancel(const struct oxmcp_client *client,
                         const struct oxmcp_queue *queue,
                         uint64_t id);

// The arguments, a JSON object that was checked against the tool's inputSchema. It lives as long as the call.
const struct oxmcp_json *oxmcp_call_arguments(const struct oxmcp_call *call);

// What is known of the call: {"requestId": string|number, "protocolVersion": string, "clientInfo"?: {...},
// "progress": bool, "_meta"?: {...}}. Free it with oxmcp_json_free. NULL once the call is answered.
struct oxmcp_json *oxmcp_call_context(const struct oxmcp_call *call);

// Whether the caller no longer waits: it cancelled or went away, or the server was closed. Long work asks now and
// then and stops. An answer is still taken, and dropped.
bool oxmcp_call_is_cancelled(const struct oxmcp_call *call);

// Reports progress, which must grow with every report. `total` is NAN and `message` NULL when they are not known.
// False when the caller did not ask for it or no longer waits.
bool oxmcp_call_progress(const struct oxmcp_call *call,
                         double progress,
                         double total,
                         const char *message);

// Answers with one text block. What is not UTF-8 in it is replaced by U+FFFD.
//
// This and the other oxmcp_call_respond_... functions give OXMCP_OK; OXMCP_CANCELLED when the caller no longer waits;
// OXMCP_MISUSE when the call was answered before, and for NULL and JSON that is not UTF-8, which answer nothing.
oxmcp_result oxmcp_call_respond_text(const struct oxmcp_call *call,
                                     const char *text);

// Answers with a whole result: {"content": [...], "structuredContent"?: ..., "isError"?: bool}. When it is anything
// else, the caller is told that the server failed.
oxmcp_result oxmcp_call_respond_result(const struct oxmcp_call *call,
                                       const char *result_json);

// Answers that the tool failed, in a way the model should see: one text block in a result with "isError".
oxmcp_result oxmcp_call_respond_tool_error(const struct oxmcp_call *call,
                                           const char *text);

// Fails the request with a JSON-RPC error, -32602 for arguments that make no sense for example. `data_json` is JSON,
// or NULL for none.
oxmcp_result oxmcp_call_respond_error(const struct oxmcp_call *call,
                                      int64_t code,
                                      const char *message,
                                      const char *data_json);

// Keeps a call after its handler returns, to be answered later, from any thread. Free it with oxmcp_call_free. NULL
// is fine.
void oxmcp_call_keep(struct oxmcp_call *call);

// Frees a call that was kept. When nothing answered it, the caller is told that the tool failed. NULL is fine.
void oxmcp_call_free(struct oxmcp_call *call);

// Makes a server. It serves nothing yet.
oxmcp_result oxmcp_server_new(const struct oxmcp_server_options *options,
                              struct oxmcp_server **server,
                              struct oxmcp_error **error);

// Adds a tool, or replaces the one of that name; also while the server serves.
//
// `definition_json` is the spec's Tool object: "name", "inputSchema" (a JSON Schema of type object; when left out, any
// object is taken), and optionally "title", "description", "outputSchema", "annotations", "icons" and "_meta".
// `handler` is called with `userdata` for each call; see oxmcp_tool_fn. `free_userdata` may be NULL; otherwise it is
// called once with `userdata` when the tool is replaced or removed or the server freed, and no handler of the tool
// runs any more. On failure it is not called.
oxmcp_result oxmcp_server_add_tool(const struct oxmcp_server *server,
                                   const char *definition_json,
                                   oxmcp_tool_fn handler,
                                   void *userdata,
                                   oxmcp_free_fn free_userdata,
                                   struct oxmcp_error **error);

// Removes a tool. False when there is none of that name.
bool oxmcp_server_remove_tool(const struct oxmcp_server *server, const char *name);

// Starts serving this process's stdin and stdout and returns at once; call oxmcp_server_run or oxmcp_server_poll
// next. While it serves, what the program itself prints to stdout goes to stderr.
oxmcp_result oxmcp_server_serve_stdio(const struct oxmcp_server *server,
                                      struct oxmcp_error **error);

// Starts serving Streamable HTTP and returns when it listens; call oxmcp_server_run or oxmcp_server_poll next.
//
// Writes {"url": string, "host": string, "port": number} to `address`, to be freed with oxmcp_json_free; NULL when
// it is not wanted.
oxmcp_result oxmcp_server_listen_http(const struct oxmcp_server *server,
                                      const struct oxmcp_http_options *options,
                                      struct oxmcp_json **address,
                                      struct oxmcp_error **error);

// Handles calls on this thread until nothing is left to serve: the server was closed, or the peer has closed stdin
// and it does not listen. Any number of threads may be in here at once.
//
// Fails when serving stdin and stdout failed.
oxmcp_result oxmcp_server_run(const struct oxmcp_server *server,
                              struct oxmcp_error **error);

// Handles, on this thread, the calls that are waiting; when there is none it waits up to `timeout_ms` milliseconds
// for one; 0 does not wait, a negative number waits as long as it takes.
//
// OXMCP_OK says: poll again. OXMCP_CLOSED: nothing is left to serve (see oxmcp_server_run), `error` is not written.
// Anything else says how serving stdin and stdout failed.
oxmcp_result oxmcp_server_poll(const struct oxmcp_server *server,
                               int64_t timeout_ms,
                               struct oxmcp_error **error);

// A file descriptor that turns readable when there is something for oxmcp_server_poll. Everything said of
// oxmcp_queue_fd holds.
int oxmcp_server_fd(const struct oxmcp_server *server);

// Stops listening and serving, cancels the calls in flight, and waits until everything is released; threads in
// oxmcp_server_run return. It may be called from any thread, also from a handler. Closing again is fine.
oxmcp_result oxmcp_server_close(const struct oxmcp_server *server,
                                struct oxmcp_error **error);

// Frees a server, and closes it without waiting when it is not closed yet. No other thread may be using it, nor be
// in oxmcp_server_run; calls that were kept may outlive it. When this returns, the wake-up is not running and never
// will again. NULL is fine.
void oxmcp_server_free(struct oxmcp_server *server);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* OXMCP_H */
