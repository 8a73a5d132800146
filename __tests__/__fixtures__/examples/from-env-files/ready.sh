(4 lines as usual)
while live=$(ask config); [ "$live" != 90bfcd37e5f517a7 ]; do
(11 lines as usual)
