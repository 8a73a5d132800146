(4 lines as usual)
while live=$(ask config); [ "$live" != 38b955eceb4c91d7 ]; do
(11 lines as usual)
