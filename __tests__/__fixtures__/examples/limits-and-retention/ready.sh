(4 lines as usual)
while live=$(ask config); [ "$live" != 074d0fabf5ca61cd ]; do
(11 lines as usual)
