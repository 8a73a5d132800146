(4 lines as usual)
while live=$(ask config); [ "$live" != e45d1a7a6ca4e422 ]; do
(11 lines as usual)
