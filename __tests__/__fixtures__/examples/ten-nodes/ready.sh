(4 lines as usual)
while live=$(ask config); [ "$live" != 8eaa5dd5f84b74fa ]; do
(11 lines as usual)
