(4 lines as usual)
while live=$(ask config); [ "$live" != 3bd635de4da82d5a ]; do
(11 lines as usual)
