(4 lines as usual)
while live=$(ask config); [ "$live" != 13255f342a13ae8e ]; do
(11 lines as usual)
