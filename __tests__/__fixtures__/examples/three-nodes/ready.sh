(4 lines as usual)
while live=$(ask config); [ "$live" != cdfa70a6684452b0 ]; do
(11 lines as usual)
