(4 lines as usual)
while live=$(ask config); [ "$live" != c07cf7eb43b927ca ]; do
(11 lines as usual)
