(4 lines as usual)
while live=$(ask config); [ "$live" != 33c8c56e3bd24353 ]; do
(11 lines as usual)
