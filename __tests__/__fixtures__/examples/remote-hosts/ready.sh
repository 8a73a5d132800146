(4 lines as usual)
while live=$(ask config); [ "$live" != 4a5ee60c984f9c08 ]; do
(11 lines as usual)
