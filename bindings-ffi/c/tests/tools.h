/* The tools that the tests call, in this process and in a child. */

#ifndef TOOLS_H
#define TOOLS_H

#include <oxmcp.h>
#include <pthread.h>

/* Adds to a server:
 *
 *   echo {"text": string}     answers with the text
 *   structured                answers with structuredContent {"answer": 42}
 *   fail                      answers that the tool failed, with "this tool always fails"
 *   refuse                    fails the request with the code -32000, "refused" and the data {"why": "because"}
 *   wrong                     answers with a result that is not one
 *   mute                      returns without an answer
 *   count {"to": integer}     reports progress 1..to, then answers "counted"
 *   wait                      waits until it is cancelled, then answers "cancelled"
 *   pid                       answers with the process's id
 *   variable {"name": string} answers with the value of an environment variable, or ""
 *   die                       ends the process
 */
oxmcp_result add_tools(const oxmcp_server *server, oxmcp_error **error);

/* How many "wait" calls of this process have begun, and how many have seen that they were cancelled. */
int waits_begun(void);
int cancellations_seen(void);
/* Waits until more than `before` have begun; false when none comes. */
_Bool wait_begins(int before);

/* A server of this process with the tools, run by some threads. */
struct host {
    oxmcp_server *server;
    pthread_t threads[4];
    int count;
};

/* Starts a host. False when it cannot be had. */
_Bool host_start(struct host *host, int threads);
/* A client of it, or NULL. */
oxmcp_client *host_connect(const struct host *host);
/* Closes the server, waits for its threads and frees it. */
void host_stop(struct host *host);

#endif
