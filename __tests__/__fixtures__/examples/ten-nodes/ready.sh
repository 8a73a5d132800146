(4 lines as usual)
while live=$(ask config); [ "$live" != 1fa673f62a75bf71 ]; do
(11 lines as usual)
