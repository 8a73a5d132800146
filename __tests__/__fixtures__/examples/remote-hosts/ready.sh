(4 lines as usual)
while live=$(ask config); [ "$live" != 523fb663184a3f82 ]; do
(11 lines as usual)
