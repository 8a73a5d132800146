(4 lines as usual)
while live=$(ask config); [ "$live" != 0d8bb62173cb7702 ]; do
(11 lines as usual)
