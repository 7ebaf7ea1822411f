"""Deletion Desk: carries out customers' wishes to be forgotten or left alone, once, and shows where each stands."""
