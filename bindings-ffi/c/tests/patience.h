/* Waiting for what must come, however long a busy machine takes for it. */

#ifndef PATIENCE_H
#define PATIENCE_H

#include <stdbool.h>

/* How long, in milliseconds, until what has not come is taken for lost. No test passes or fails by it unless something is
 * wrong. */
enum { PATIENCE = 60000 };

/* Waits until `holds(userdata)` is true; false when it is not after PATIENCE. */
bool wait_until(bool (*holds)(void *userdata), void *userdata);

/* Lets others have the processor for a moment. */
void wait_a_moment(void);

/* Milliseconds of a clock that only goes forward. */
double clock_now(void);

#endif
