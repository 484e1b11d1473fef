/* How much of a company one run takes. */
#pragma once

/* (total * percent + 99) / 100 in integers: 35 % gives three runs for 5 and for 7 and more; at
 * least 1 when total > 0. */
int batch_size(int total, int percent);
