(4 lines as usual)
while live=$(ask config); [ "$live" != b8e30acd7a0f8133 ]; do
(11 lines as usual)
