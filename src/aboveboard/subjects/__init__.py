"""From an image to trees and files, with the account of every byte."""
